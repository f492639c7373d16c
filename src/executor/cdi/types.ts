/** What is read of CDI specs: the Container Device Interface, versions 0.x and 1.x (tags.cncf.io/container-device-interface, SPEC.md). */

/** What a device changes of a step. */
export interface CdiEdits {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly CdiMount[];
  /** Groups of the machine that the step's process gets besides its own. */
  readonly additionalGids: readonly number[];
  /** Programs of the machine that a runtime would run: `createContainer /usr/bin/hook`. */
  readonly hooks: readonly string[];
  /** Network interfaces of the machine that would be moved into the step. */
  readonly netDevices: readonly string[];
  readonly intelRdt: boolean;
}

export interface CdiDeviceNode {
  /** Absolute, in the step. */
  readonly path: string;
  /** Absolute, on the machine. */
  readonly hostPath: string;
  /** `u` is another word for `c`. */
  readonly type?: 'b' | 'c' | 'u' | 'p' | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Permission bits. */
  readonly fileMode?: number | undefined;
  /** Of `r`, `w` and `m`; all when absent. */
  readonly permissions?: string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface CdiMount {
  /** Absolute, on the machine. */
  readonly hostPath: string;
  /** Absolute, in the step. */
  readonly containerPath: string;
  readonly options: readonly string[];
  /** Of the file system; empty for a bind mount. */
  readonly type: string;
}

/** A device by its full name, with what its spec says of all its devices. */
export interface CdiDevice {
  /** `vendor.com/class=name`. */
  readonly name: string;
  readonly spec: CdiSpec;
  readonly edits: CdiEdits;
  /** Those of the spec, and over them those of the device. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** One file. */
export interface CdiSpec {
  /** `vendor.com/class`. */
  readonly kind: string;
  /** Made once when any device of the spec is used. */
  readonly edits: CdiEdits;
}
