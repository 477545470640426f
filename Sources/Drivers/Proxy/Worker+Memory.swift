internal import Clock
internal import Endings
internal import Settings
internal import Transport

/// What the connections of a worker hold, and what it does when all hold too much.
extension Worker {
    /// How often a worker looks again that can do nothing about it, or leaves it to the others.
    private static let reliefPause: Duration = .milliseconds(100)
    /// So many pauses a worker leaves it to others that hold more, or have not said what they hold:
    /// one that is busy for so long may be busy with what holds the memory.
    private static let mostReliefPauses = 10

    private var memoryLimit: Int? { generation.settings.limits.memory }

    /// Throws while too much is held: for requests that bring more of it, or will stay. Who asks
    /// for something small on a connection that is here already may go on.
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
                "memory: connections hold \(held) octets, more than \(memoryLimit ?? 0): new ones,"
                    + " bodies, WebSockets and streams are refused, and those that hold most are"
                    + " ended")
            lookForRelief()
            shared.postToWorkers(.relieve)
        case .ended:
            shared.log.warning(
                "memory: connections hold \(held) octets: new ones are accepted again")
        }
    }

    /// Others have looked, or have ended what they had.
    func lookForRelief() {
        nextRelief = now
        reliefPauses = 0
    }

    /// Ends connections, those of all workers that hold most first, until it is enough. A worker
    /// that does not hear of the others in time goes on alone.
    private func relieve() {
        guard now >= nextRelief else { return }
        var holders = self.holders
        while shared.memory.isOverloaded {
            let largest = holders.last
            switch shared.memory.turn(of: index, largest: largest?.held ?? 0) {
            case .own: break
            case .other(let worker) where reliefPauses < Self.mostReliefPauses:
                if reliefPauses == 0 { shared.mailboxes[worker].post(.relieve) }
                reliefPauses += 1
                return pauseRelief()
            case .unknown where reliefPauses < Self.mostReliefPauses:
                reliefPauses += 1
                return pauseRelief()
            case .other, .unknown: reliefPauses = 0
            }
            // It is in many small pieces, which will go when they are complete, or for their age.
            guard let largest else { return pauseRelief() }
            holders.removeLast()
            end(largest.token)
        }
    }

    private func end(_ token: UInt64) {
        guard case .client(let client) = members[token] else { return }
        shared.memory.noteEndedConnection()
        client.shed(in: self)
        publishMemory(memory.takeDifference())
    }

    private func pauseRelief() {
        nextRelief = now + Self.reliefPause
        wake(at: nextRelief)
    }

    /// Those that hold something worth it, the largest last.
    private var holders: [(token: UInt64, held: Int)] {
        let all: [(token: UInt64, held: Int)] = members.elements.compactMap { member in
            guard case .client(let client) = member else { return nil }
            let held = client.shedCount
            return held < HTTP1Client.leastShed ? nil : (client.token, held)
        }
        return all.sorted { $0.held < $1.held }
    }
}
