type Headers = Record<string, string>

/** `Upload-Metadata` of these keys and values. */
export const uploadMetadata = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')

/** The requests of tus, one by one, as a user of a media service sends them. */
export const tusAs = (user: string, base: string) => {
  const send = (method: string, path: string, headers: Headers, body?: Uint8Array) =>
    fetch(new URL(path, base), {
      method,
      headers: { authorization: `Bearer token-of-${user}`, 'tus-resumable': '1.0.0', ...headers },
      ...(body && { body: body as BodyInit }),
    })
  const bytes = { 'content-type': 'application/offset+octet-stream' }
  const about = { 'upload-metadata': uploadMetadata({ roomId: 'lobby', name: 'a.bin' }) }
  const create = (headers: Headers, body?: Uint8Array) =>
    send('POST', '/v1/uploads', { ...about, ...(body && bytes), ...headers }, body)
  const locationOf = (response: Response): string => {
    const location = response.headers.get('location')
    if (response.status !== 201 || !location) throw new Error(`${response.status}: no upload was created`)
    return location
  }
  return {
    send,
    create,
    /** @returns its path */
    created: async (size: number, headers: Headers = {}) =>
      locationOf(await create({ 'upload-length': String(size), ...headers })),
    /** A finished part. @returns its path */
    part: async (body: Uint8Array) =>
      locationOf(
        await create({ 'upload-length': String(body.byteLength), 'upload-concat': 'partial' }, body),
      ),
    patch: (path: string, offset: number, body: Uint8Array, headers: Headers = {}) =>
      send('PATCH', path, { 'upload-offset': String(offset), ...bytes, ...headers }, body),
    head: (path: string) => send('HEAD', path, {}),
    remove: (path: string) => send('DELETE', path, {}),
    /** How much is there. */
    offset: async (path: string) => Number((await send('HEAD', path, {})).headers.get('upload-offset')),
  }
}

/** The id in the path of an upload, and of the file that becomes of it. */
export const uploadId = (path: string): string => path.split('/').at(-1) ?? ''
