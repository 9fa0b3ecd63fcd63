/** The same file, cut short, with a few bytes changed, with a piece of it repeated or left out. */
export const damaged = (bytes: Buffer, random: () => number): Buffer => {
  const somewhere = () => Math.floor(random() * bytes.byteLength)
  const [from, to] = [somewhere(), somewhere()].sort((a, b) => a - b) as [number, number]
  const kind = random()
  if (kind < 0.2) return bytes.subarray(0, from)
  if (kind < 0.3) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  if (kind < 0.4) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  const changed = Buffer.from(bytes)
  for (let left = 1 + random() * 20; left > 0; left--) changed[somewhere()] = Math.floor(random() * 256)
  return changed
}
