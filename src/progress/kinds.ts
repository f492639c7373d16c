/** How progress can be shown; `auto` is `tty` on a terminal and `plain` elsewhere, `quiet` and `none` are nothing. */
export const progressKinds = ['auto', 'plain', 'tty', 'rawjson', 'quiet', 'none'] as const;
export type ProgressKind = (typeof progressKinds)[number];
