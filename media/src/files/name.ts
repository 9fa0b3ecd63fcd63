// Control characters, and the marks that turn the direction of writing: "photo<U+202E>gpj.exe" reads "photoexe.jpg".
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text from outside as it may be shown: on one line, written in one direction. */
export const onOneLine = (text: string): string => text.replace(UNSAFE, ' ').replace(/\s+/g, ' ').trim()

/**
 * A name as it is shown and offered for saving: the last segment of a path, on one line.
 * @param name from outside, already parsed by the protocol
 */
export const safeName = (name: string): string => {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  const clean = onOneLine(last)
  return /^\.*$/.test(clean) ? 'file' : clean
}

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`

/**
 * A `Content-Disposition` (RFC 6266): an ASCII name for old clients, the true one as `filename*` (RFC 8187).
 * @param name as {@link safeName} returns it
 */
export const contentDisposition = (kind: 'inline' | 'attachment', name: string): string => {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, percent)
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
