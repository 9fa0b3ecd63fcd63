import { ConfigError, statementFault } from '@trunkline/kit'
import { Command } from 'commander'
import { SERVICES } from './platform.ts'
import { start } from './start.ts'

// A reader that has seen enough (`trunkline doctor | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const program = new Command('trunkline').description('Self-hosted calling and messaging')

program
  .command('start')
  .description(`start the platform, or single services of it (${SERVICES.join(', ')})`)
  .argument('[services...]', 'services to start; all when none is named')
  .option(
    '--https',
    'serve HTTPS with a certificate made here, so that cameras work on other addresses',
    false,
  )
  .action(start)

program
  .command('doctor')
  .description('check this machine and its settings, and name the fix for each fault')
  // Loaded only here: it looks at every service, and who starts one of them does not wait for the others.
  .action(async () => (await import('./doctor.ts')).doctor())

program
  .command('drain')
  .description(
    'move calls off media workers of the server that runs here, and replace their processes; or off one of its SFUs, for it to be stopped',
  )
  .argument(
    '[which]',
    'a worker, by its port or its process; an SFU, by its URL or id; all workers, one after the other, when none is named',
  )
  .action(async which => (await import('./drain.ts')).drain(which))

try {
  await program.parseAsync()
} catch (error) {
  // What an operator can mend is one line; anything else is ours, and its trace helps to mend it.
  const said = error instanceof ConfigError ? error.message : statementFault(error)
  process.stderr.write(`trunkline: ${said ?? (error as Error).stack ?? error}\n`)
  process.exit(1)
}
