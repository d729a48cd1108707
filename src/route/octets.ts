// Text of targets, an octet a character: percent-decoding, and folding the case of ASCII letters alone.

/**
 * Replaces every well-formed percent triplet by its octet (RFC 3986 2.1), once: `%252e` gives `%2e`.
 * A stray `%` stays. The result is Latin-1 text, an octet a character, never decoded as UTF-8.
 */
export function decodeOctets(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** How text is compared: as it is, or with A to Z folded. */
export function folding(insensitive: boolean): (text: string) => string {
  return insensitive ? foldCase : (text) => text;
}

/** Lower-cases A to Z and nothing else: octets above 127 are no letters here. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
