/**
 * A random id for a message. Not crypto.randomUUID: browsers have that only on secure pages, and chat must work on
 * plain http too.
 */
export const newClientId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
