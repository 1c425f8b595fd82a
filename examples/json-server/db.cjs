// A function, so that json-server keeps the data in memory.
module.exports = () => ({ posts: [{ id: 1, title: 'hello' }], comments: [{ id: 1, postId: 1, body: 'hi' }] })
