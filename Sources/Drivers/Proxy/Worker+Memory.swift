internal import Clock
internal import Endings
internal import Settings

/// What the connections of a worker hold, and what it does when all hold too much.
extension Worker {
    /// How often who can do nothing about it looks again.
    private static let reliefPause: Duration = .milliseconds(100)

    private var memoryLimit: Int? { generation.settings.limits.memory }

    /// Throws for requests that come while too much is held.
    func checkMemory() throws(Refusal) {
        guard shared.memory.isOverloaded else { return }
        shared.memory.noteRefusedRequest()
        throw .memory
    }

    /// Tells the others what has changed, at the end of every turn.
    func publishMemory() {
        let difference = memory.takeDifference()
        if difference != 0 || shared.memory.isOverloaded { publishMemory(difference) }
        if shared.memory.isOverloaded { relieve() }
    }

    /// Also where nothing has changed but the limit.
    func publishMemory(_ difference: Int) {
        guard let change = shared.memory.add(difference, limit: memoryLimit) else { return }
        let held = shared.memory.held
        switch change {
        case .began:
            shared.log.warning(
                "memory: connections hold \(held) octets, more than \(memoryLimit ?? 0): new ones are"
                    + " refused, and those that hold most are ended")
            shared.postToWorkers(.relieve)
        case .ended: shared.log.warning("memory: connections hold \(held) octets: all are let in")
        }
    }

    /// Ends connections until this worker's share of what is too much is free.
    func relieve() {
        guard now >= nextRelief else { return }
        let excess = memoryLimit.map { memory.excess(of: shared.memory.held, over: $0) } ?? 0
        let largest = excess > 0 ? MemoryShare.shed(excess, of: holders) : []
        for holder in largest {
            guard case .client(let client) = members[holder.token] else { continue }
            shared.memory.noteEndedConnection()
            client.shed(in: self)
        }
        if largest.isEmpty {
            // Others have it, or it is in many small pieces.
            nextRelief = now + Self.reliefPause
            wake(at: nextRelief)
        } else {
            publishMemory(memory.takeDifference())
        }
    }

    private var holders: [(token: UInt64, held: Int)] {
        members.elements.compactMap { member in
            guard case .client(let client) = member else { return nil }
            let held = client.shedCount
            return held < ClientConnection.leastShed ? nil : (client.token, held)
        }
    }
}
