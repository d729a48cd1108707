// What reading one value gives: the value, or what is wrong with it.

/** The fault is a predicate without its subject ("must be ..."): the caller puts the key's path before it. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };
