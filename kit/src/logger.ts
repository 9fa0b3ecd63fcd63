import { DrizzleQueryError } from 'drizzle-orm'
import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Logger = PinoLogger

/** Keys whose values never reach a log, wherever they appear one or two levels deep. */
const SECRET_KEYS = ['token', 'apiKey', 'secret', 'password', 'credential', 'authorization', 'cookie']
const redact = {
  paths: SECRET_KEYS.flatMap(key => [key, `*.${key}`, `*.*.${key}`]),
  censor: '[secret]',
}

/**
 * An error without what it was about: a failed statement names its values in its text (of a message, of a key), and
 * PostgreSQL those it stumbled over.
 */
const serialiseError = (error: unknown): unknown => {
  const told: unknown = pino.stdSerializers.err(error as Error)
  if (!(error instanceof Error) || typeof told !== 'object' || told === null) return told
  const { message, stack } = told as { message: string; stack: string }
  const kept = { ...told, message, stack, params: undefined, detail: undefined, where: undefined }
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    if (!(next instanceof DrizzleQueryError)) continue
    const values = `\nparams: ${next.params}`
    kept.message = kept.message.replaceAll(values, '')
    kept.stack = kept.stack.replaceAll(values, '')
  }
  return kept
}

/** Without a message of ours pino takes that of the error, and with it what `serialiseError` leaves out. */
const withMessage: NonNullable<LoggerOptions['hooks']>['logMethod'] = function (args, method) {
  const [about]: readonly unknown[] = args
  const isError = about instanceof Error || (typeof about === 'object' && about !== null && 'err' in about)
  return method.apply(this, isError && args.length === 1 ? [about as object, 'an error'] : args)
}

/**
 * A logger writing JSON lines, or readable ones when `pretty`, to standard error: standard output is for answers.
 * @param level least level written; `silent` writes nothing
 */
export const createLogger = (options: { name: string; level?: string; pretty?: boolean }): Logger => {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    redact,
    serializers: { err: serialiseError },
    hooks: { logMethod: withMessage },
  }
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
