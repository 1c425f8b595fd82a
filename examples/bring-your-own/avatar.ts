/** A picture of one pixel, in base64: journeys cannot read files. */
export const avatar = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'
