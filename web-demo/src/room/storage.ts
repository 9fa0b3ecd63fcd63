/** localStorage that may be missing, full or forbidden: then nothing is remembered, and all else works. */
export const remember = (key: string, value: string): void => {
  try {
    localStorage.setItem(`trunkline.${key}`, value)
  } catch {
    // Private windows and strict settings.
  }
}

export const recall = (key: string): string | undefined => {
  try {
    return localStorage.getItem(`trunkline.${key}`) ?? undefined
  } catch {
    return undefined
  }
}

export const forget = (key: string): void => {
  try {
    localStorage.removeItem(`trunkline.${key}`)
  } catch {
    // As above.
  }
}
