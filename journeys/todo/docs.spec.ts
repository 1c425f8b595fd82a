import { expect, test } from '@playwright/test'

// The reference page in a browser: it loads with its styles and all operations, and they unfold.
test('reference page', async ({ page, request }) => {
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))

  await test.step('open', async () => {
    const answer = await page.goto('/docs')
    expect(answer?.status(), 'status of /docs').toBe(200)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  })

  await test.step('operations', async () => {
    const document: { paths: Record<string, Record<string, unknown>> } = await (
      await request.get('/openapi.json')
    ).json()
    const operations = Object.values(document.paths).flatMap((methods) => Object.keys(methods))
    expect(operations.length, 'operations in /openapi.json').toBeGreaterThan(0)
    await expect(page.locator('main > details'), 'operations on the page').toHaveCount(operations.length)
  })

  await test.step('unfold', async () => {
    const first = page.locator('main > details').first()
    await first.locator('summary').first().click()
    await expect(first.getByRole('heading', { name: 'Answers' })).toBeVisible()
  })

  await test.step('quiet', async () => {
    expect(problems, 'errors on the page').toEqual([])
  })
})
