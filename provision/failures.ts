import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** A test that failed, of a file in this repository; of no name when it is the file that could not be run. */
export type Failure = { readonly file: string; readonly test: string; readonly error: string }

/** What we read of the report of Vitest's JSON reporter, which is that of Jest: https://vitest.dev/guide/reporters#json-reporter */
type Report = {
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: {
      ancestorTitles: string[]
      title: string
      status: string
      failureMessages: string[]
    }[]
  }[]
}

/**
 * Every failure of a run, by its report.
 * @param root what its paths are to be seen from
 */
export const failuresOf = (report: string, root: string): Failure[] =>
  (JSON.parse(report) as Report).testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(root, name)
      const failed = assertionResults.filter(({ status }) => status === 'failed')
      if (failed.length === 0) return [{ file, test: '', error: message }]
      return failed.map(({ ancestorTitles, title, failureMessages }) => ({
        file,
        test: [...ancestorTitles, title].filter(Boolean).join(' > '),
        error: failureMessages[0] ?? message,
      }))
    })

/**
 * The errors nobody handled, by what Vitest says of them: of the file each came up in.
 * @returns undefined when one is of no file
 */
export const unhandledIn = (said: string): Failure[] | undefined => {
  const text = stripVTControlCharacters(said)
  const counts = [...text.matchAll(/Vitest caught (\d+) unhandled error/g)]
  const files = [...text.matchAll(/^This error originated in "([^"]+)" test file/gm)]
  if (files.length !== counts.reduce((sum, [, count]) => sum + Number(count), 0)) return undefined
  return files.map(([, file = '']) => ({ file, test: '', error: 'An error that nobody handled.' }))
}

/** What is to be read of a failure that did not come again: where, and its error, without the places in the code. */
export const sentenceOf = ({ file, test, error }: Failure): string => {
  const [said = ''] = error.split(/\n\s+at /)
  const name = test ? `${file} > ${test}` : file
  return `failed beside others, passed alone: ${name}\n${said.trim().replace(/^/gm, '  ')}`
}
