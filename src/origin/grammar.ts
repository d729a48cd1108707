// What heads are made of (RFC 9110 5.5 and 5.6.2, RFC 9112 3 to 5), as sources of regular expressions. Text is Latin-1.

export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A field value with the whitespace around it, or a reason phrase. */
export const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*';
