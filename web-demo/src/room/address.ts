/**
 * What an address hands over is taken out of it at once, so that whoever copies it to invite somebody gives away neither
 * who they are nor what they are called. This tab keeps it for a reload.
 * @param fields where it stands; `without` makes the address of what is left of them
 */
const take = (
  key: string,
  name: string,
  fields: URLSearchParams,
  without: (fields: string) => string,
): string | undefined => {
  const given = fields.get(name)
  try {
    if (given === null) return sessionStorage.getItem(key) ?? undefined
    sessionStorage.setItem(key, given)
  } catch {
    // No storage, as in private windows: then it stays in the address, or a reload would lose it.
    return given ?? undefined
  }
  fields.delete(name)
  history.replaceState(history.state, '', without(fields.toString()))
  return given
}

/** The token of `#token=...`. */
export const tokenOf = (roomId: string): string | undefined =>
  take(
    `trunkline.token.${roomId}`,
    'token',
    new URLSearchParams(location.hash.slice(1)),
    rest => `${location.pathname}${location.search}${rest && `#${rest}`}`,
  )

/** The name of `?name=...`. */
export const nameOf = (roomId: string): string | undefined =>
  take(
    `trunkline.name.${roomId}`,
    'name',
    new URLSearchParams(location.search),
    rest => `${location.pathname}${rest && `?${rest}`}${location.hash}`,
  )
