import AxeBuilder from '@axe-core/playwright'
import type { Visitor } from './browser.ts'

/** The rules that look at colours. What others find is the same in light and in dark. */
const COLOURS = ['color-contrast', 'link-in-text-block']

/**
 * Serious and critical faults of accessibility, as sentences.
 * @param of `colours` for a page that was judged in another scheme of colours already
 */
export const faults = async (
  { page }: Pick<Visitor, 'page'>,
  of: 'everything' | 'colours' = 'everything',
): Promise<string[]> => {
  // Drawn as it is now: of colours on their way axe would see a mixture.
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  // In the page itself, and without a list of all that is right: else axe opens another window each time, to put together
  // what it found in frames, of which our pages have none.
  const builder = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] })
  if (of === 'colours') builder.withRules(COLOURS)
  const { violations } = await builder.analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(node => node.target.join(' ')).join(', ')})`)
}
