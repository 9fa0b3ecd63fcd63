export type Level = 'debug' | 'info' | 'warn' | 'error'

/** What we ask of a logger: the platform's will do, and so will one that hands lines to another process. */
export type Logger = Readonly<Record<Level, (fields: object, message: string) => void>>
