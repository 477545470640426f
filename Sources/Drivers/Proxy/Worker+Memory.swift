internal import Bookkeeping
internal import Clock
internal import Endings
internal import Generations
internal import Loop
internal import Settings
internal import Transport

/// When a worker looks again for what could be let go, while connections hold too much.
struct Relief {
    /// How often a worker looks again that can do nothing about it, or leaves it to the others.
    static let pause: Duration = .milliseconds(100)
    /// So many pauses a worker leaves it to others that hold more, or have not said what they hold:
    /// one that is busy for so long may be busy with what holds the memory.
    static let mostPauses = 10

    var next = Instant.zero
    /// How often it was left to others, which have connections that hold more.
    var pauses = 0

    /// Others have looked, or have ended what they had.
    mutating func begin(at now: Instant) {
        next = now
        pauses = 0
    }
}

/// What the connections of a worker hold, and what it does when all hold too much.
extension Worker {
    private var memoryLimit: Int? { generation.settings.limits.memory }

    /// Tells the others what has changed, at the end of every turn.
    func publishMemory() {
        let difference = loop.memory.takeDifference()
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
            relief.begin(at: loop.now)
            shared.postToWorkers(.relieve)
        case .ended:
            shared.log.warning(
                "memory: connections hold \(held) octets: new ones are accepted again")
        }
    }

    /// Ends connections, those of all workers that hold most first, until it is enough. A worker
    /// that does not hear of the others in time goes on alone.
    private func relieve() {
        guard loop.now >= relief.next else { return }
        var holders = self.holders
        while shared.memory.isOverloaded {
            let largest = holders.last
            switch shared.memory.turn(of: thread.index, largest: largest?.held ?? 0) {
            case .own: break
            case .other(let worker) where relief.pauses < Relief.mostPauses:
                if relief.pauses == 0 { shared.mailboxes[worker].post(.relieve) }
                relief.pauses += 1
                return pauseRelief()
            case .unknown where relief.pauses < Relief.mostPauses:
                relief.pauses += 1
                return pauseRelief()
            case .other, .unknown: relief.pauses = 0
            }
            // It is in many small pieces, which will go when they are complete, or for their age.
            guard let largest else { return pauseRelief() }
            holders.removeLast()
            end(largest.token)
        }
    }

    private func end(_ token: UInt64) {
        guard let client = thread.client(token) else { return }
        shared.memory.noteEndedConnection()
        client.shed()
        publishMemory(loop.memory.takeDifference())
    }

    private func pauseRelief() {
        relief.next = loop.now + Relief.pause
        loop.wake(at: relief.next)
    }

    /// Those that hold something worth it, the largest last.
    private var holders: [(token: UInt64, held: Int)] {
        let all: [(token: UInt64, held: Int)] = clients.compactMap { client in
            let held = client.shedCount
            return held < ClientLink.leastShed ? nil : (client.token, held)
        }
        return all.sorted { $0.held < $1.held }
    }
}
