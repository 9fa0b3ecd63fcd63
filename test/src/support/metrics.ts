/** A value out of what Prometheus is told, by its name with labels; nothing where there is none. */
export const metricOf = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find(line => line.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}
