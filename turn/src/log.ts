export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]

/** What we ask of a logger: the platform's will do, and so will one that hands lines to another process. */
export type Logger = Readonly<Record<Level, (fields: object, message: string) => void>>
