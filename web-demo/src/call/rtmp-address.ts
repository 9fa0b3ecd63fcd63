/**
 * Where a streaming service wants a stream sent: services tell its server and a key apart.
 * @throws Error with a sentence for people
 */
export const rtmpAddress = (server: string, key: string): string => {
  const [base, rest] = [server.trim().replace(/\/+$/, ''), key.trim()]
  if (!/^rtmps?:\/\/[^/]/i.test(base)) {
    throw new Error('Enter the server of your streaming service, such as rtmp://live.example.org/app.')
  }
  // Some give one address with the key at its end.
  if (rest === '' && !/^[^:]+:\/\/[^/]+\/[^/]+\/./.test(base)) {
    throw new Error('Enter the stream key that your streaming service gave you.')
  }
  return rest === '' ? base : `${base}/${rest}`
}
