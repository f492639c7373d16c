/** A type that is assignable to its base but not from it, so that two kinds of string cannot be mixed up. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name };
