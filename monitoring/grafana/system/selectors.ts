/** The machines that the reader chose. */
export const ofNode = 'instance=~"$node"'
/** The instances of the API that the reader chose. */
export const ofApi = 'job="todo-backend", instance=~"$instance"'
/** Disks that can fill up: not those that live in memory, and not images that are full by nature. */
export const ofDisk = `${ofNode}, fstype!~"tmpfs|ramfs|squashfs|iso9660"`
/** Network that leads somewhere. */
export const ofNetwork = `${ofNode}, device!~"lo|veth.*"`
