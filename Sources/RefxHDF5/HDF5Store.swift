import RefxStore
