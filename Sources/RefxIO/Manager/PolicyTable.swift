import Refx

/// Finds the policy that decides.
struct PolicyTable {
  private let policies: [SavePolicy]
  /// The last policy of each collection.
  private var byCollection: [CollectionTag?: Int] = [:]
  /// The policies by path, the last first.
  private var patterns: [(number: Int, pattern: PathPattern)] = []

  init(_ policies: [SavePolicy]) {
    self.policies = policies
    for (number, policy) in policies.enumerated() {
      switch policy.scope {
      case .collection(let tag): byCollection[tag] = number
      case .paths(let pattern): patterns.insert((number, pattern), at: 0)
      }
    }
  }

  /// The later of `number` and the last policy that matches `path`.
  func last(at path: Path, atLeast number: Int?) -> Int? {
    for (other, pattern) in patterns {
      if let number, other <= number { break }
      // A glob is matched in bounded time, so this never throws.
      if (try? pattern.matches(path)) == true { return other }
    }
    return number
  }

  /// The policy for the Refs of a collection.
  func last(of collection: CollectionTag?) -> Int? { byCollection[collection] }

  func treatment(_ number: Int?) -> SavePolicy.Treatment {
    number.map { policies[$0].treatment } ?? SavePolicy.Treatment()
  }

  func name(_ number: Int?) -> String? { number.map { policies[$0].name } }

  func disagreement(_ one: (path: Path, number: Int?), _ other: (path: Path, number: Int?)) -> RefxError {
    .policiesDisagree(one.path, name(one.number), other.path, name(other.number))
  }
}
