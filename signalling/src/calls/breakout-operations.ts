import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `breakout:*`. */
export const breakoutOperations = ({ breakouts, limits }: Services) =>
  ({
    'breakout:open': async (asked, performance) => {
      await limits.message(performance.principal)
      return breakouts.open(asked, performance)
    },
    'breakout:move': async (asked, performance) => {
      await limits.message(performance.principal)
      return breakouts.move(asked, performance)
    },
    'breakout:close': ({ roomId }, performance) => breakouts.close(roomId, performance),
    'breakout:list': ({ roomId }) => breakouts.list(roomId),
  }) satisfies Partial<OperationHandlers>
