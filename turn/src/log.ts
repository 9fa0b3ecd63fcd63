export type Level = 'debug' | 'info' | 'warn' | 'error'

/**
 * What we ask of a logger. The platform's will do; so will that of a process of a fleet, which hands its lines on and must
 * not load kit, whose modules would make every relayed packet dearer (docs/performance.md).
 */
export type Logger = Readonly<Record<Level, (fields: object, message: string) => void>>
