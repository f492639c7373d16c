// Stands in for the package string-width in the bundle: that one builds an Intl.Segmenter and large regular
// expressions when it is loaded, which takes about as long as starting Node.js. It serves yargs' help and ora's
// line count, whose text is ours or already cut to width.

// oxlint-disable-next-line no-control-regex -- ESC is what this looks for
const sgr = /\u001b\[[0-9;:]*m/g;

export default function stringWidth(text) {
  let width = 0;
  for (const character of String(text).replace(sgr, '')) width += character.codePointAt(0) < 0x1100 ? 1 : 2;
  return width;
}
