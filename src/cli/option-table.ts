interface Described {
  /** One letter. */
  readonly short?: string | undefined;
  /** A phrase without a full stop, for help and reference. */
  readonly describe: string;
  /** Name of the value in help, such as `FILE`. */
  readonly value?: string | undefined;
  /** An empty value is none, as with docker: a script gives one for a variable that is not set. */
  readonly emptyIsNone?: boolean | undefined;
}

/** `--quiet`, `--quiet=false`. */
interface Flag extends Described {
  readonly kind: 'flag';
}
/** `--file x`, `--file=x`; the last one counts. */
interface Text extends Described {
  readonly kind: 'text';
  readonly choices?: readonly string[] | undefined;
}
/** As text, but may be given any number of times. */
interface List extends Described {
  readonly kind: 'list';
}
/** `--pull` stands for `--pull=<implicit>`; a value is given with `=` only. */
interface Optional extends Described {
  readonly kind: 'optional';
  readonly implicit: string;
  readonly choices?: readonly string[] | undefined;
}

/** An option of a command. The grammar is that of Docker's and buildah's command lines. */
export type OptionSpec = Flag | Text | List | Optional;

/** The options of a command by long name. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What parsing gives for a table. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K]['kind'] extends 'flag'
    ? boolean
    : T[K]['kind'] extends 'list'
      ? readonly string[]
      : string | undefined;
};
