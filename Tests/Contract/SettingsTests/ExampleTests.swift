import Settings
import Testing

@Suite("Whole configurations")
struct ExampleTests {
    static let smallest = """
        # the smallest useful file
        listen 0.0.0.0:8443 {
            tls { certificate tls/fullchain.pem; key tls/privkey.pem }
        }
        jwt app     { algorithms HS256; secret env:JWT_SECRET }
        backend app { server 127.0.0.1:8000 }
        route /     { auth app; backend app }
        """

    @Test("The smallest useful file") func smallest() throws {
        let result = read(Self.smallest)
        let settings = try #require(result.settings)
        #expect(
            complaints(Self.smallest)
                == "5:5: warning: jwt 'app' names no 'audience': it lets in tokens that were made"
                + " for other services")
        #expect(settings.listeners.map(\.address) == [.ip(address: "0.0.0.0", port: 8443)])
        #expect(settings.routes.map(\.auth) == [[0]])
        #expect(settings.routes.map(\.destination) == [.backend(0)])
    }

    static let full = """
        workers auto
        log     { access json stdout; level info }
        trust   10.0.0.0/8 192.168.0.0/16

        listen 0.0.0.0:8443 {
            tls {
                certificate tls/fullchain.pem
                key         tls/privkey.pem
                versions    1.2 1.3
            }
            host api.example.kr { certificate tls/api.pem; key tls/api.key }      # SNI
        }
        listen 0.0.0.0:8080 { redirect https }

        jwt app {
            algorithms HS256
            secret     env:JWT_SECRET
            from       bearer subprotocol query:token
            user       user_id
            role       role
            issuer     https://auth.example.kr
            audience   hospital
            leeway     30s
        }

        backend app {
            server  127.0.0.1:8000
            server  127.0.0.1:8001 weight=2
            server  unix:/run/app.sock backup
            balance least_connections      # round_robin | least_connections
            connect_timeout 3s
            retries 1
        }

        sessions dashboards {
            store   query:store_id
            device  query:client_id
            limited admin manager
            limit   2 block_new
            store 17 { limit 5 eject_old }
            message block_new ko "접속 가능한 대수({max}대)를 초과하여 접속할 수 없습니다"
        }

        rewrite /ws/journey/{user_id} to /ws/journey { require claim:user_id == path:user_id }
        rewrite /ws/patient-journey   to /ws/journey
        rewrite /ws/admin/dashboard   to /ws/admin

        route /ws/admin {
            websocket
            auth     app
            roles    admin manager
            origins  https://app.example.kr
            compress level 1 over 256
            require  query:store_id == claim:store_id
            sessions dashboards
            backend  app
        }
        route /ws/ {
            websocket
            auth     app
            compress
            backend  app
        }
        route /api/sse/stream {
            events
            auth     app
            require  query:store_id == claim:store_id
            sessions dashboards
            backend  app
        }
        route /healthz { respond 200 "ok" }
        route / { backend app; header X-Real-IP {client.address} }
        """

    static let guarded = """
        listen 127.0.0.1:8443 { tls { certificate self_signed } }
        limits { attempts 5 burst 20 }
        console 127.0.0.1:9901 { token env:GATEWAY_CONSOLE_TOKEN; allow_remote off }
        jwt staff {
            algorithms HS256 RS256 ES256
            secret     env:JWT_SECRET
            public_key file:keys/issuer.pem kid 2026
            jwk        file:keys/issuer.jwk
            jwks       https://auth.example.kr:8443/keys { ca tls/ca.pem; timeout 2s }
            tickets    on bind address
            audience   hospital
            required   jti
            max_age    12h
            on_expiry  grace 60s
            expiring   2m
            revoked    file:revoked.txt
        }
        backend app { server 127.0.0.1:8000 }
        sessions boards { store claim:shop; limit claim:devices or 2 block_new }
        defaults { auth staff optional; backend app; slow wait; ping 20s answer }
        route /ticket { auth staff; ticket }
        route /a { sessions boards; report_only auth; frame_size 64k; fragments 9 }
        route /b { roles a; report_only auth staff; compress context dedicated budget 1g upstream }
        """

    @Test("A file that guards its doors") func guarded() throws {
        let result = read(Self.guarded)
        #expect(result.diagnostics.map { $0.rendered() } == [])
        let settings = try #require(result.settings)
        #expect(settings.tokens[0].keys.count == 4)
        #expect(settings.routes.map(\.allowsAnonymous) == [false, true, false])
        #expect(settings.routes.map(\.reportOnly) == [[], [.auth], [.auth]])
        #expect(settings.routes[0].destination == .ticket)
        #expect(settings.sessions[0].limits.map(\.claim) == ["devices"])
    }

    @Test("A full file") func full() throws {
        let result = read(Self.full)
        #expect(result.diagnostics.isEmpty)
        let settings = try #require(result.settings)
        #expect(settings.listeners.count == 2)
        #expect(settings.listeners[0].tls?.hosts.map(\.name) == ["api.example.kr"])
        #expect(settings.backends[0].servers.map(\.weight) == [1, 2, 1])
        #expect(settings.backends[0].servers.map(\.isBackup) == [false, false, true])
        #expect(
            settings.sessions[0].limits[0].stores == ["17": .init(devices: 5, policy: .ejectOld)])
        #expect(settings.rewrites.count == 3)
        #expect(settings.routes.map(\.kind) == [.webSocket, .webSocket, .events, .any, .any])
        #expect(settings.routes[0].origins == .listed(["https://app.example.kr"]))
        #expect(settings.routes.map(\.sessions) == [0, nil, 0, nil, nil])
        #expect(settings.routes.map(\.position.line) == [48, 58, 64, 71, 72])
    }

    /// The machine's files, and a secret in the environment.
    private struct Machine: ConfigurationFiles {
        let base = SystemConfigurationFiles()

        func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
            try base.read(path, limit: limit)
        }

        func expand(glob: String, relativeTo directory: String) -> [String] {
            base.expand(glob: glob, relativeTo: directory)
        }

        func environment(_ name: String) -> String? {
            name == "GATEWAY_JWT_SECRET" ? String(repeating: "k", count: 32) : nil
        }

        func exists(_ path: String) -> Bool { base.exists(path) }
    }

    @Test("The gateway.conf of this repository reads without a word") func own() throws {
        let path = repository + "/gateway.conf"
        let result = SettingsReader(files: Machine()).read(path)
        #expect(result.diagnostics.map { $0.rendered() } == [])
        #expect(result.files == [path])
        let settings = try #require(result.settings)
        #expect(settings.listeners.map(\.address) == [.ip(address: "127.0.0.1", port: 8443)])
        #expect(settings.listeners[0].tls?.certificate == .selfSigned)
        #expect(settings.routes.map(\.auth) == [[0], [0], [0], [], []])
    }

    @Test("Without the secret it says what is missing") func ownWithoutSecret() {
        struct Bare: ConfigurationFiles {
            let base = Machine()
            func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
                try base.read(path, limit: limit)
            }
            func expand(glob: String, relativeTo directory: String) -> [String] { [] }
            func environment(_ name: String) -> String? { nil }
            func exists(_ path: String) -> Bool { false }
        }
        let result = SettingsReader(files: Bare()).read(repository + "/gateway.conf")
        #expect(
            result.diagnostics.map(\.message) == [
                "the environment variable 'GATEWAY_JWT_SECRET' is not set"
            ])
    }
}
