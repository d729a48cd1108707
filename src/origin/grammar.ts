// What heads are made of (RFC 9110 5.5 and 5.6.2, RFC 9112 3 to 5): as sources of regular expressions for what is long, and
// as questions about one name or value. Text is Latin-1.

export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A field value with the whitespace around it, or a reason phrase. */
export const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*';
/** Whitespace, where some is allowed or has to be put up with. */
export const OWS = '[\\t ]*';
/** A field line of an answer: whitespace before the colon is to be taken out, not to be refused (RFC 9112 5.1). */
export const ANSWER_FIELD = `${TOKEN}(?::|[\\t ]+:)${TEXT}`;

const IS_TOKEN = octetsOf(TOKEN);
const IS_TEXT = octetsOf(TEXT);
const IS_PLAIN = octetsOf('[0-9A-Za-z-]');

/** Whether `text` is a token. */
export function isToken(text: string): boolean {
  return text !== '' && consistsOf(text, IS_TOKEN);
}

/** Whether a name is one that every gateway takes for itself alone: no other octets but letters, digits and "-". */
export function isPlainName(name: string): boolean {
  return consistsOf(name, IS_PLAIN);
}

/** Whether `text` can be a field value, which fits on one line. */
export function isText(text: string): boolean {
  return consistsOf(text, IS_TEXT);
}

/** For short texts a look at each octet costs a fraction of what it takes to begin a regular expression. */
function consistsOf(text: string, allowed: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (allowed[text.charCodeAt(at)] !== 1) return false;
  return true;
}

/** For each octet whether a pattern takes it. */
function octetsOf(pattern: string): Uint8Array {
  const whole = new RegExp(`^${pattern}$`);
  return Uint8Array.from({ length: 0x100 }, (_, octet) => (whole.test(String.fromCharCode(octet)) ? 1 : 0));
}
