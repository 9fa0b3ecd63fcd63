const CHECK_MS = 500

/**
 * Calls back once the process that started this one is gone. npm does not take its child along when it is killed, and
 * a server nobody can see would keep the ports. Only for starts by npm: a service manager may come and go.
 */
export const onParentGone = (callback: () => void): void => {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    callback()
  }, CHECK_MS)
  timer.unref()
}
