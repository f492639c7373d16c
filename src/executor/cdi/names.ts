/** Names of devices, as the CDI specification forms them. Pure. */

const kind = /^[A-Za-z](?:[\w.-]*[A-Za-z0-9])?\/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?$/;
const device = /^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/;

/** Whether a text is `vendor.com/class`. */
export function isKind(text: string): boolean {
  return kind.test(text);
}

/** Whether a text can follow `vendor.com/class=`. */
export function isDeviceName(text: string): boolean {
  return device.test(text);
}

/** `vendor.com/class=name` in two parts; the second is empty when there is none. */
export function splitDeviceName(text: string): readonly [kind: string, name: string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}
