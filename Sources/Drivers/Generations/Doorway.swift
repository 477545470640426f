/// Where a client's connection came in, as the newest configuration has it: by which generation its
/// next request is judged, and whether there is to be a next one.
package struct Doorway {
    private let listener: ListenerKey
    /// What is spoken on the connection, whatever the listener speaks by now.
    package let isTLS: Bool
    package private(set) var generation: Generation
    /// What the listener is set up for; as it was last, when it is gone.
    package private(set) var entrance: Generation.Entrance
    /// The listener is gone, or speaks TLS and did not before, or the other way round: nobody could
    /// come in like this any more.
    package private(set) var isClosed = false
    /// The process stops: nobody comes in any more.
    package private(set) var isStopped = false

    package init(
        _ listener: ListenerKey, _ entrance: Generation.Entrance, generation: Generation
    ) {
        self.listener = listener
        isTLS = entrance.tls != nil
        self.entrance = entrance
        self.generation = generation
    }

    /// The process stops.
    package mutating func close() {
        isClosed = true
        isStopped = true
    }

    /// Goes over to the newest generation.
    /// - Returns: false when that is the one at hand.
    package mutating func follow(_ newest: Generation) -> Bool {
        guard generation !== newest else { return false }
        generation = newest
        guard let entrance = newest.entrances[listener], (entrance.tls != nil) == isTLS else {
            isClosed = true
            return true
        }
        isClosed = isStopped
        self.entrance = entrance
        return true
    }
}
