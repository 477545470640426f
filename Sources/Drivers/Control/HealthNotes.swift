internal import Bookkeeping
internal import Clock
internal import Generations
internal import Health
internal import Settings
internal import Upstreams

/// What follows from what checks of servers find out. Called on their thread.
enum HealthNotes {
    static func take(_ report: HealthReport, _ shared: SharedState) {
        switch report {
        case .down(let server, let failures, let why, let endsLive):
            let checks =
                failures == 1
                ? "a check failed" : "\(failures) checks in a row failed, the last one"
            shared.log.warning("\(server.name) is down: \(checks): \(why.text)")
            if endsLive { shared.postToWorkers(.serverIsDown(server)) }
        case .up(let server, let time):
            shared.log.warning(
                "\(server.name) is up after \(time.wholeMilliseconds) ms: checks pass")
            shared.postToWorkers(.serverIsUp(group: server.group))
        case .reached(let server, .back(let time, let attempts)):
            shared.log.warning(
                "\(server.name) is back after \(time.wholeMilliseconds) ms;"
                    + " \(attempts) attempts failed")
            shared.postToWorkers(.serverIsUp(group: server.group))
        case .reached(_, .away): break
        case .failed(let text): shared.log.error(text)
        }
    }
}

extension ServerState {
    fileprivate var name: String { "backend \(group): \(address.text)" }
}
