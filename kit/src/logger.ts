import { type Logger as PinoLogger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Logger = PinoLogger

/** Keys whose values never reach a log, wherever they appear one or two levels deep. */
const SECRET_KEYS = ['token', 'apiKey', 'secret', 'password', 'credential', 'authorization', 'cookie']
const redact = {
  paths: SECRET_KEYS.flatMap(key => [key, `*.${key}`, `*.*.${key}`]),
  censor: '[secret]',
}

/**
 * A logger writing JSON lines, or readable ones when `pretty`, to standard error: standard output is for answers.
 * @param level least level written; `silent` writes nothing
 */
export const createLogger = (options: { name: string; level?: string; pretty?: boolean }): Logger => {
  const settings = { name: options.name, level: options.level ?? 'info', redact }
  return options.pretty
    ? pino(
        settings,
        pretty({
          colorize: process.stderr.isTTY === true,
          ignore: 'pid,hostname,name',
          singleLine: true,
          sync: true,
        }),
      )
    : pino(settings, pino.destination(2))
}
