internal import Bookkeeping
internal import Clock
internal import Console
package import Generations
internal import Health
internal import Identity
internal import KeySets
internal import Locks
internal import Names
internal import Operations
internal import Proxy
internal import Sessions
package import Settings
internal import State
internal import TLS
internal import Transport
internal import Upstreams

/// The control thread: starts workers, takes signals, reloads, drains. Touches no connection.
package final class Gateway {
    private static let ticketRotation: Duration = .seconds(12 * 3600)
    /// How often what is over is cleared away.
    private static let stateInterval: Duration = .seconds(30)

    private let world: GatewayWorld
    private let shared: SharedState
    private let workerCount: Int
    private var generation: Generation
    private var running: Set<Int>
    private var services = Services()
    private var adopted: [UInt64: Int] = [:]
    /// Questions to workers that are under way, the eldest first.
    private var figureRounds: [(until: Instant, round: FigureRound)] = []
    private var ending = Ending()

    /// What is started when the first configuration wants it.
    private struct Services {
        var console: ConsoleServer?
        /// For the first check.
        var health: HealthService?
    }

    private struct Ending {
        var hasBegun = false
        /// When the listeners are closed, while they are not.
        var closing: Instant?
    }

    private var keys: KeyUpkeep { KeyUpkeep(shared: shared) }

    /// Runs until a signal ends it.
    /// - Returns: the exit code.
    package static func run(_ world: GatewayWorld) -> Int32 {
        Signal.block()
        System.raiseFileLimit()
        System.returnFreedMemory()
        let loaded = world.load()
        if !loaded.report.isEmpty { System.write(loaded.report.utf8.span, to: 2) }
        guard let settings = loaded.settings else { return ExitCode.configuration }
        do {
            let count = settings.workers ?? System.coreCount
            let shared = try SharedState(workerCount: count)
            shared.log.set(level: settings.log.level)
            shared.accessLog.use(try ListenerBinding.openLog(settings.log, shared.accessLog.losses))
            defer { shared.accessLog.close() }
            let names = try shared.resolveNames(of: settings)
            let generation = try Generation(
                settings, number: 1, registry: shared.registry, tickets: shared.tickets,
                names: names, readFile: world.readFile)
            try shared.names.use(settings.serverNames, settings.resolver, known: names)
            for warning in generation.warnings {
                System.write(world.render(warning).utf8.span, to: 2)
            }
            shared.status.began(version: world.version)
            shared.status.adopted(generation)
            try shared.kept.open(settings, generation.number)
            defer { shared.kept.close() }
            let gateway = Gateway(world, shared, workerCount: count, generation: generation)
            try gateway.openConsole()
            gateway.keys.use(generation)
            try gateway.checkServers()
            return try gateway.serve()
        } catch let error as Generation.BuildError {
            return complain(world.render(error), ExitCode.configuration)
        } catch let error as BindError {
            return complain(world.render(error.complaint), ExitCode.bind)
        } catch let error as StateFileError {
            let error = Generation.BuildError(
                position: settings.state?.pathPosition ?? SourcePosition(),
                message: error.description)
            return complain(world.render(error), ExitCode.internalError)
        } catch {
            return complain("gateway cannot start: \(error)\n", ExitCode.internalError)
        }
    }

    /// Builds everything a configuration needs, without serving it.
    /// - Returns: what it should not be served with, and what names of servers resolve to.
    /// - Throws: `Generation.BuildError` naming the line whose value does not work.
    package static func check(
        _ settings: Settings, readFile: @escaping (String) -> [UInt8]?
    ) throws -> [Generation.BuildError] {
        let shared = try SharedState(workerCount: 1)
        let names = try shared.resolveNames(of: settings)
        return try Generation(
            settings, number: 1, registry: shared.registry, tickets: shared.tickets, names: names,
            readFile: readFile
        ).warnings + Generation.resolutions(settings, names)
    }

    /// What a start would not get on this machine, for this user.
    ///
    /// - Parameter isRunning: a gateway with this configuration is there already.
    package static func checkStart(
        _ settings: Settings, isRunning: Bool
    ) -> [Generation.BuildError] {
        StartCheck(isRunning: isRunning).findings(settings)
    }

    private static func complain(_ text: String, _ code: Int32) -> Int32 {
        System.write(text.utf8.span, to: 2)
        return code
    }

    private init(
        _ world: GatewayWorld, _ shared: SharedState, workerCount: Int, generation: Generation
    ) {
        self.world = world
        self.shared = shared
        self.workerCount = workerCount
        self.generation = generation
        running = Set(0..<workerCount)
    }

    private func serve() throws -> Int32 {
        let handles = try ListenerBinding.bind(
            generation.entrances.values.map(\.settings), workerCount: workerCount)
        for index in 0..<workerCount {
            let shared = shared
            let generation = generation
            let own = handles[index]
            try System.startThread(name: "worker \(index)") {
                do {
                    let worker = try Worker(
                        index: index, shared: shared, generation: generation,
                        listeners: own)
                    worker.run()
                } catch {
                    shared.log.error("worker \(index) cannot start: \(error)")
                    System.exit(ExitCode.internalError)
                }
            }
        }
        let control = shared.control
        try System.startThread(name: "signals") {
            while true { control.post(.signal(Signal.next())) }
        }
        announce()
        return try superintend(Poller())
    }

    private func announce() {
        let addresses = generation.settings.listeners.map { listener in
            (listener.tls == nil ? "http://" : "https://") + listener.address.text
        }
        shared.log.info(
            "ready: \(addresses.joined(separator: " ")), \(workerCount) workers, "
                + "pid \(System.processID)")
        world.notify("READY=1")
    }

    private func superintend(_ poller: Poller) throws -> Int32 {
        try poller.add(shared.control.descriptorNumber, token: 0, interest: .readable)
        var rotation = SystemClock.now() + Self.ticketRotation
        var clearing = SystemClock.now() + Self.stateInterval
        while !running.isEmpty {
            let next = min(
                rotation, clearing, figureRounds.first?.until ?? clearing,
                shared.sessions.nextDeadline ?? clearing, ending.closing ?? clearing)
            let left = (next - SystemClock.now()).wholeMilliseconds
            _ = poller.wait(milliseconds: Int32(clamping: max(0, left + 1)))
            let now = SystemClock.now()
            if now >= rotation {
                try shared.tickets.rotate()
                rotation = now + Self.ticketRotation
            }
            if now >= clearing {
                shared.kept.timePassed(to: SystemClock.reading())
                clearing = now + Self.stateInterval
            }
            if let moment = ending.closing, now >= moment { close() }
            giveUpFigures(now)
            shared.sessions.timePassed(to: now)
            for message in shared.control.take() { handle(message) }
        }
        return ExitCode.success
    }

    private func handle(_ message: ControlMessage) {
        switch message {
        case .signal(.hangUp): reload()
        case .signal(.terminate), .signal(.quit): drain()
        case .signal(.interrupt): stop()
        case .signal(.user1): reopenLog()
        case .adopted(_, let number):
            adopted[number, default: 0] += 1
            guard adopted[number] == workerCount else { return }
            adopted[number] = nil
            shared.log.info("reloaded: generation \(number) judges every request from now on")
        case .stopped(let worker): running.remove(worker)
        case .keysRead(let report): keys.read(report, for: generation)
        case .nameResolved(let report): nameResolved(report)
        // The loop looks how long.
        case .storeAsked: break
        case .figures(let round):
            figureRounds.append((SystemClock.now() + FigureRound.patience, round))
        }
    }

    /// Workers that did not answer in time are not waited for.
    private func giveUpFigures(_ now: Instant) {
        while let first = figureRounds.first, first.until <= now {
            first.round.giveUp()
            figureRounds.removeFirst()
        }
    }

    // MARK: Console

    private func openConsole() throws {
        let entrance = try ListenerBinding.prepareConsole(
            generation.settings.console, inPlaceOf: nil)
        services.console = try startedConsole(for: entrance)
        services.console?.adopt(entrance)
    }

    /// The console's server, started for the first entrance there is; nil before that.
    private func startedConsole(for entrance: PreparedConsole?) throws -> ConsoleServer? {
        guard entrance != nil, services.console == nil else { return services.console }
        let log = shared.log
        return try ConsoleServer(backend: Operations(shared)) { notice in
            switch notice {
            case .info(let text): log.info(text)
            case .warning(let text): log.warning(text)
            }
        }
    }

    // MARK: Checks of servers

    private func checkServers() throws {
        services.health = try startedHealth(for: generation)
        services.health?.use(generation.groups)
    }

    /// The service of the checks, started for the first check there is; nil before that.
    private func startedHealth(for generation: Generation) throws -> HealthService? {
        let wants = generation.settings.backends.contains { $0.health.check != nil }
        guard wants, services.health == nil else { return services.health }
        let shared = shared
        return try HealthService { HealthNotes.take($0, shared) }
    }

    // MARK: The end

    private func stop() {
        ending.hasBegun = true
        ending.closing = nil
        world.notify("STOPPING=1")
        let now = SystemClock.now()
        shared.status.stops(.init(since: now, closes: now, ends: now))
        shared.postToWorkers(.stop)
    }

    /// Told once, it is not ready any more, and lets nobody in from `drain_delay` on; told twice,
    /// it stops at once.
    private func drain() {
        if ending.hasBegun { return stop() }
        ending.hasBegun = true
        world.notify("STOPPING=1")
        let times = generation.settings.limits.drain
        let now = SystemClock.now()
        let closes = now + times.delay
        shared.status.stops(.init(since: now, closes: closes, ends: closes + times.time))
        if times.delay == .zero { return close() }
        shared.log.info("draining: not ready any more, no new connections in \(times.delay)")
        ending.closing = closes
    }

    /// From now on nobody new is let in, and those who are here end.
    private func close() {
        ending.closing = nil
        shared.log.info("draining: no new connections, those that are here end")
        shared.postToWorkers(.drain)
    }

    private func reopenLog() {
        do throws(SystemError) {
            try shared.accessLog.reopen()
        } catch {
            let reason = generation.settings.log.reason(of: error)
            shared.log.error("the access log cannot be opened again: \(reason)")
        }
    }

    // MARK: Names of servers

    private func nameResolved(_ report: NameReport) {
        switch report.notice {
        case .warning(let text): shared.log.warning(text)
        case .info(let text): shared.log.info(text)
        case nil: break
        }
        if report.isChanged { takeNames() }
    }

    /// The groups of the generation get the servers that their names stand for now.
    private func takeNames() {
        let groups = generation.resolve(shared.names.endpoints)
        if !groups.isEmpty { shared.postToWorkers(.serversChanged(groups)) }
    }

    // MARK: Reload

    /// Reads, validates and builds the whole new generation; any error leaves the old one serving.
    private func reload() {
        if ending.hasBegun {
            return shared.log.warning("reload ignored: the gateway is stopping")
        }
        world.notify("RELOADING=1")
        defer { world.notify("READY=1") }
        let loaded = world.load()
        if !loaded.report.isEmpty { System.write(loaded.report.utf8.span, to: 2) }
        guard let settings = loaded.settings else {
            shared.log.error("reload refused: the old configuration goes on")
            return shared.status.refused(loaded.report)
        }
        do {
            try adopt(prepare(settings))
        } catch let error as Generation.BuildError {
            System.write(world.render(error).utf8.span, to: 2)
            shared.log.error("reload refused: the old configuration goes on")
            shared.status.refused(world.render(error))
        } catch let error as BindError {
            System.write(world.render(error.complaint).utf8.span, to: 2)
            shared.log.error("reload refused: \(error.text)")
            shared.status.refused(error.text)
        } catch {
            shared.log.error("reload refused: \(error)")
            shared.status.refused("\(error)")
        }
    }

    /// Only the names of the generation that serves are resolved.
    private func use(_ names: [NameRecord]) {
        let settings = generation.settings
        do throws(SystemError) {
            try shared.names.use(settings.serverNames, settings.resolver, known: names)
        } catch {
            shared.log.error("names of servers are not resolved: \(error.reason)")
        }
    }

    /// What a reload brings. Whatever may fail has not: now nothing is left but to take it over.
    private struct Prepared {
        var next: Generation
        /// New sockets, by worker.
        var handles: [[ListenerHandle]]
        var removed: [ListenerKey]
        /// What is known of the names of its servers.
        var names: [NameRecord]
        var entrance: PreparedConsole?
        var console: ConsoleServer?
        var health: HealthService?
        /// Nil where the log stays as it is.
        var log: AccessLog.Sink?
    }

    /// Nothing of what serves is changed by it.
    private func prepare(_ settings: Settings) throws -> Prepared {
        let names = try shared.resolveNames(of: settings)
        let next = try Generation(
            settings, number: generation.number + 1, registry: shared.registry,
            tickets: shared.tickets, names: names, readFile: world.readFile)
        let old = Set(generation.entrances.keys)
        let new = next.entrances.filter { !old.contains($0.key) }
        let handles = try ListenerBinding.bind(new.values.map(\.settings), workerCount: workerCount)
        let entrance = try ListenerBinding.prepareConsole(
            settings.console, inPlaceOf: generation.settings.console)
        let health = try startedHealth(for: next)
        let isSame = settings.log.access == generation.settings.log.access
        return Prepared(
            next: next, handles: handles, removed: Array(old.subtracting(next.entrances.keys)),
            names: names, entrance: entrance, console: try startedConsole(for: entrance),
            health: health,
            log: isSame
                ? nil : try ListenerBinding.openLog(settings.log, shared.accessLog.losses))
    }

    private func adopt(_ prepared: Prepared) {
        let next = prepared.next
        for warning in next.warnings { System.write(world.render(warning).utf8.span, to: 2) }
        if let log = prepared.log { shared.accessLog.use(log) }
        shared.log.set(level: next.settings.log.level)
        services.console = prepared.console
        services.health = prepared.health
        services.console?.adopt(prepared.entrance)
        if let count = next.settings.workers, count != workerCount {
            shared.log.warning("'workers \(count)' takes effect after a restart")
        }
        if next.settings.state?.path != generation.settings.state?.path {
            shared.log.warning("'state' with another path takes effect after a restart")
        }
        generation = next
        use(prepared.names)
        // What came between building the generation and serving by it.
        _ = next.resolve(shared.names.endpoints)
        shared.status.adopted(next)
        shared.kept.adopt(next.settings, next.number)
        keys.use(next)
        services.health?.use(next.groups)
        for (mailbox, own) in zip(shared.mailboxes, prepared.handles) {
            mailbox.post(.adopt(next, added: own, removed: prepared.removed))
        }
    }
}
