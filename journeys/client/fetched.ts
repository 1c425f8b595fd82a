/**
 * The bytes of an answer to `fetch`.
 *
 * @param maxBytes throws beyond it, and keeps no more in memory: an answer may have no end
 * @param excess the message of that error
 */
export async function readBoundedBytes(
  response: Response,
  maxBytes: number,
  excess: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(excess)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The text of an answer to `fetch`, in UTF-8, within the same limit. */
export async function readBounded(response: Response, maxBytes: number, excess: string): Promise<string> {
  return new TextDecoder().decode(await readBoundedBytes(response, maxBytes, excess))
}

/**
 * Why `fetch` failed. It puts the reason into the cause; a refused connection to a name with several
 * addresses is an AggregateError without a message of its own.
 */
export function explainFetchError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(explainFetchError).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : explainFetchError(error.cause)
}
