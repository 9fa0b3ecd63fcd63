/**
 * The token an address hands over, `#token=...`: taken out of the address at once, so that whoever copies it to invite
 * somebody does not give away who they are. This tab keeps it for a reload.
 */
export const tokenOf = (roomId: string): string | undefined => {
  const key = `trunkline.token.${roomId}`
  const fragment = new URLSearchParams(location.hash.slice(1))
  const token = fragment.get('token')
  try {
    if (token === null) return sessionStorage.getItem(key) ?? undefined
    sessionStorage.setItem(key, token)
  } catch {
    // No storage, as in private windows: then it stays in the address, or a reload would lose it.
    return token ?? undefined
  }
  fragment.delete('token')
  const rest = fragment.toString()
  history.replaceState(history.state, '', `${location.pathname}${location.search}${rest && `#${rest}`}`)
  return token
}
