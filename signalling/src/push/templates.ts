import {
  LIMITS,
  type PushTemplate,
  type PushType,
  type RenderedTemplate,
  type TemplatePreview,
  type TemplateType,
  TrunklineError,
} from '@trunkline/protocol'
import { and, asc, eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { pushTemplates } from '../schema.ts'
import {
  assertTemplate,
  BUILT_IN,
  BUILT_IN_LOCALE,
  EXAMPLES,
  localesOf,
  render,
  type Words,
} from './template.ts'

/** How long what another process changed may be unknown here, ms. */
const KNOWN_MS = 2_000

/** What is said in pushes, by type and language. */
export class Templates {
  readonly #database: Database
  #known: { rows: readonly PushTemplate[]; until: number } | undefined

  constructor(database: Database) {
    this.#database = database
  }

  async list(): Promise<PushTemplate[]> {
    return this.#database
      .select()
      .from(pushTemplates)
      .orderBy(asc(pushTemplates.type), asc(pushTemplates.locale))
  }

  /** @throws TrunklineError `invalid_request` for a placeholder there is not, `limit_reached` */
  async put(asked: PushTemplate): Promise<PushTemplate> {
    const { type, title, body } = asked
    const locale = asked.locale.toLowerCase()
    assertTemplate(type, { title, body })
    const known = await this.list()
    const isNew = !known.some(it => it.type === type && it.locale === locale)
    if (isNew && known.length >= LIMITS.pushTemplates) {
      throw new TrunklineError(
        'limit_reached',
        `There may be ${LIMITS.pushTemplates} templates; delete one first.`,
        { details: { limit: LIMITS.pushTemplates } },
      )
    }
    await this.#database
      .insert(pushTemplates)
      .values({ type, locale, title, body })
      .onConflictDoUpdate({ target: [pushTemplates.type, pushTemplates.locale], set: { title, body } })
    this.#known = undefined
    return { type, locale, title, body }
  }

  /** Idempotent. */
  async remove(type: TemplateType, locale: string): Promise<void> {
    await this.#database
      .delete(pushTemplates)
      .where(and(eq(pushTemplates.type, type), eq(pushTemplates.locale, locale.toLowerCase())))
    this.#known = undefined
  }

  /** What is said in this language, or the nearest to it; nothing of what says nothing. */
  async wordsFor(type: PushType, locale: string | undefined): Promise<Words | undefined> {
    if (type === 'ring.stopped') return undefined
    return (await this.#find(type, locale)).words
  }

  /** @throws TrunklineError `invalid_request` for a placeholder there is not */
  async preview({ type, locale, title, body, values = {} }: TemplatePreview): Promise<RenderedTemplate> {
    const found = await this.#find(type, locale)
    const words = { title: title ?? found.words.title, body: body ?? found.words.body }
    assertTemplate(type, words)
    const all = { ...EXAMPLES, ...values }
    return {
      locale: title === undefined && body === undefined ? found.locale : locale.toLowerCase(),
      title: render(words.title, all, LIMITS.pushTitleChars),
      body: render(words.body, all, LIMITS.pushBodyChars),
    }
  }

  async #find(type: TemplateType, locale: string | undefined): Promise<{ locale: string; words: Words }> {
    if (!this.#known || this.#known.until < Date.now()) {
      this.#known = { rows: await this.list(), until: Date.now() + KNOWN_MS }
    }
    const own = this.#known.rows.filter(row => row.type === type)
    for (const wanted of [...localesOf(locale), BUILT_IN_LOCALE]) {
      const found = own.find(row => row.locale === wanted)
      if (found) return { locale: wanted, words: { title: found.title, body: found.body } }
    }
    return { locale: BUILT_IN_LOCALE, words: BUILT_IN[type] }
  }
}
