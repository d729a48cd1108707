// Node's version is a security setting: older ones drop fields without a word.

/** The oldest release of each line that answers 431 instead of dropping If-Match. */
const OLDEST: Readonly<Record<number, number>> = { 22: 23, 24: 21 };
const NEWEST_KNOWN = 26;

/** Why this version of Node will not do; undefined when it will. */
export function runtimeFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const oldest = OLDEST[major];
  if (major >= NEWEST_KNOWN || (oldest !== undefined && minor >= oldest)) return undefined;
  return `Node ${version} is not safe here: it drops fields of large requests silently. Use 22.23, 24.21, 26 or later.`;
}
