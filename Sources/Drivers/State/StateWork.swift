import SQLite

/// A request on its way to the thread of the store.
struct StateWork: Sendable {
    /// Tells the caller; called when everything is durable.
    typealias Delivery = @Sendable () -> Void

    let isWrite: Bool
    /// True when an operator decided it and is to find it stored; false when it only removes what
    /// is over.
    let isDecision: Bool
    /// Done within a transaction, and once more in one of its own when that was undone.
    let run: @Sendable (StateTables) throws(DatabaseError) -> (isDone: Bool, deliver: Delivery)
    let fail: @Sendable (StateError) -> Void

    init<Value: Sendable>(
        isWrite: Bool, isDecision: Bool,
        _ body:
            @escaping @Sendable (StateTables) throws(DatabaseError) -> Result<Value, StateError>,
        _ completion: @escaping @Sendable (Result<Value, StateError>) -> Void
    ) {
        self.isWrite = isWrite
        self.isDecision = isDecision
        run = { tables throws(DatabaseError) in
            let result = try body(tables)
            let isDone = if case .success = result { true } else { false }
            return (isDone, { completion(result) })
        }
        fail = { completion(.failure($0)) }
    }
}
