import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { BotMessage, Interaction } from '@trunkline/protocol'
import { Webhook as Verifier } from 'standardwebhooks'
import type { Register } from './clean-ups.ts'
import { rest } from './rest.ts'

/** What a bot is sent. */
export type Asked = BotMessage | Interaction
/** What it answers: a body, a status with a body, or nothing for as long as it is waited for. */
export type Answer = object | string | { status: number; body: string } | 'silence'

/** A bot of a test: a server of its own that checks what it is sent, with nothing of ours, and answers as it is told to. */
export type TestBot = {
  id: string
  token: string
  secret: string
  url: string
  /** Everything it was sent and could verify, in order. */
  asked: Asked[]
  /** What could not be verified. */
  forged: string[]
  answer: (asked: Asked) => Answer | Promise<Answer>
}

/** Makes a bot, and starts what answers for it. */
export const startBot = async (
  server: string,
  post: { id: string; name?: string; hears?: 'mentions' | 'all' | 'nothing' },
  register: Register,
): Promise<TestBot> => {
  const held: (() => void)[] = []
  const program = createServer((request, response) => {
    const take = async (body: string) => {
      try {
        new Verifier(bot.secret).verify(body, request.headers as Record<string, string>)
      } catch (error) {
        bot.forged.push(String(error))
        response.writeHead(401).end()
        return
      }
      const asked = JSON.parse(body) as Asked
      bot.asked.push(asked)
      const answer = await bot.answer(asked)
      if (answer === 'silence') held.push(() => response.destroy())
      else if (typeof answer === 'string') response.end(answer)
      else if ('status' in answer && 'body' in answer)
        response.writeHead(answer.status as number).end(answer.body)
      else response.end(JSON.stringify(answer))
    }
    text(request)
      .then(take, () => response.destroy())
      .catch(() => response.destroy())
  })
  await new Promise<void>(resolve => program.listen(0, '127.0.0.1', resolve))
  register(() => {
    for (const drop of held) drop()
    program.closeAllConnections()
    program.close()
  })
  const url = `http://127.0.0.1:${(program.address() as AddressInfo).port}/`
  const { id, name = id, hears } = post
  const made = await rest(server, 'POST', '/v1/bots', { body: { id, name, url, ...(hears && { hears }) } })
  if (made.status !== 201) throw new Error(`no bot: ${JSON.stringify(made.body)}`)
  const { token, secret } = made.body
  const bot: TestBot = { id, token, secret, url, asked: [], forged: [], answer: () => ({}) }
  return bot
}
