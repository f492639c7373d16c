import type { CliContext } from './context.js';
import type { OptionTable, OptionValues } from './option-table.js';
import type { PeerFlag } from './peer-flags.js';

/** Arguments of a command after parsing. */
export interface CommandInput<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly positionals: readonly string[];
}

export interface CommandSpec<T extends OptionTable> {
  /** `build`, `cache du`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Names of the positional arguments as in help: `CONTEXT`, `[IMAGE...]`. */
  readonly positionals: string;
  /** How many positional arguments there must be. */
  readonly arity: readonly [least: number, most: number];
  readonly options: T;
  /** Everything after the first positional argument is one too: the command line of something else. */
  readonly optionsFirst?: boolean | undefined;
  /** Reads or deletes unpacked layers, whose files may belong to ids of a user namespace: it runs in one where there is one. */
  readonly touchesLayers?: boolean | undefined;
  /** Flags of other builders that this command knows by name. */
  readonly peerFlags?: readonly PeerFlag[] | undefined;
  /** Lines below the options in help. */
  readonly epilogue?: string | undefined;
  /** Resolves to the exit code of the process. */
  run(input: CommandInput<T>, context: CliContext): Promise<number>;
}

/** A command whose arguments are parsed already. */
export interface Command extends Omit<CommandSpec<OptionTable>, 'run'> {
  /** Parses the arguments and runs. Throws `usage` for arguments that are wrong. */
  main(args: readonly string[], context: CliContext): Promise<number>;
}
