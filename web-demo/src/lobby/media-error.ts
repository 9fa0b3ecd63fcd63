const NAMES = { mic: 'microphone', camera: 'camera', screen: 'screen' } as const

/** What getUserMedia refused, in a sentence that says what to do. */
export const sentenceOf = (error: Error, kind: keyof typeof NAMES): string => {
  const name = NAMES[kind]
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `Your browser blocks the ${name}. Allow it from the address bar, then turn it on here.`
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${name} was found. Plug one in, or join without.`
    case 'NotReadableError':
    case 'AbortError':
      return `The ${name} is in use by another app. Close that app, then turn it on here.`
    default:
      return `The ${name} could not be opened: ${error.message}`
  }
}
