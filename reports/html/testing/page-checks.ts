/**
 * What is looked for inside a page, as text of JavaScript: the checkout's types know no document. Each is an
 * expression whose value is a list of complaints.
 */

/** The page as strict XML, where nothing is forgiven: what the browser's own parser makes of it. */
export const malformed = String.raw`((source) => {
  const strict = source.replace(/<!doctype html>/, '').replaceAll(/<meta ([^>]*)>/g, '<meta $1/>')
  const error = new DOMParser().parseFromString(strict, 'application/xhtml+xml').querySelector('parsererror')
  return error ? [error.textContent.slice(0, 300)] : []
})`

/**
 * Text nodes that can be seen and whose colour stands out from what is behind it by less than 4.5 to 1 (WCAG
 * 2.2, 1.4.3).
 */
export const faintTexts = String.raw`(() => {
  const channels = (colour) => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number); return { r,
    g, b, a } }
  const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a),
    g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1 })
  const linear = (value) => { const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4 }
  const luminance = ({ r, g, b }) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const background = (element) => {
    if (!element) return { r: 255, g: 255, b: 255, a: 1 }
    const own = channels(getComputedStyle(element).backgroundColor)
    return own.a === 1 ? own : over(own, background(element.parentElement))
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const known = new Set()
  const faint = []
  let seen = 0
  while (texts.nextNode()) {
    const node = texts.currentNode
    const element = node.parentElement
    if (node.data.trim() === '' || !element.checkVisibility() || ['TITLE',
      'DESC'].includes(element.tagName.toUpperCase())) continue
    seen += 1
    const style = getComputedStyle(element)
    const behind = background(element)
    const colour = over(channels(element.closest('svg') ? style.fill : style.color), behind)
    const [light, dark] = [luminance(colour), luminance(behind)].sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    const complaint = element.tagName + '.' + element.getAttribute('class') + ' ' + ratio.toFixed(2)
    if (ratio < 4.5 && !known.has(complaint)) { known.add(complaint);
      faint.push(complaint + ' ' + node.data.slice(0, 40)) }
  }
  return seen === 0 ? ['no text was seen'] : faint
})()`

/** Labels of a chart that touch each other or are cut by its edge. */
export const crampedLabels = String.raw`[...document.querySelectorAll('svg.chart')].filter((svg) =>
  svg.checkVisibility()).flatMap((svg) => {
  const { width, height } = svg.viewBox.baseVal
  const labels = [...svg.querySelectorAll('text')].map((text) => ({ text: text.textContent,
    box: text.getBBox() }))
  const where = svg.querySelector('title').textContent.slice(0, 60)
  const cut = labels.filter(({ box }) => box.x < -0.5 || box.y < -1 || box.x + box.width > width + 0.5 ||
    box.y + box.height > height + 3).map(({ text }) => where + ': cut: ' + text)
  const touching = labels.flatMap((a, index) => labels.slice(index + 1).filter((b) =>
    a.box.x < b.box.x + b.box.width && b.box.x < a.box.x + a.box.width &&
    a.box.y + 3 < b.box.y + b.box.height - 3 && b.box.y + 3 < a.box.y + a.box.height - 3).map((b) =>
    where + ': ' + a.text + ' touches ' + b.text))
  return [...cut, ...touching]
})`

/** Pixels that the page is wider than the screen, and elements that reach out of it. */
export const tooWide = String.raw`(() => {
  const width = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth <= width) return []
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !element.closest('.scroll'))
    .slice(0, 5)
    .map((element) => element.tagName + '.' + element.getAttribute('class') + ' reaches to ' +
      element.getBoundingClientRect().right)
    .concat('the page is ' + document.documentElement.scrollWidth + ' wide')
})()`
