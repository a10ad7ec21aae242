import Refx

/// The error that `body` throws; nil where it throws none.
public func refusal<R>(_ body: () throws -> R) -> RefxError? {
  do {
    _ = try body()
    return nil
  } catch { return error as? RefxError }
}
