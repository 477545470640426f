import Testing

/// The measures of the whole, held against the house as it stands.
@Suite struct ShapeTests {
    private let shape: ShapeRules

    init() throws { shape = try Self.read.get() }

    private static let read = Result { ShapeRules(try SourceTree.standing.get()) }

    private func hold(
        _ what: String, _ limit: Int, _ allowed: [String: Int], _ measures: [ShapeRules.Measure]
    ) {
        let ratchet = Ratchet(what: what, limit: limit, allowed: allowed)
        for finding in ratchet.findings(for: measures) { Issue.record("\(finding)") }
        let most = measures.max { $0.size < $1.size }
        print("\(what): at most \(most?.size ?? 0) (\(most?.key ?? "")), aim \(limit)")
    }

    @Test func `files of a room do not need each other in circles`() {
        hold(
            "file families in a circle", House.largestCircle, House.largeCircles, shape.circles())
    }

    @Test func `types hold little`() {
        hold(
            "stored properties of a type", House.mostStoredProperties,
            House.manyStoredProperties, shape.storedProperties())
    }

    @Test func `types are short, over all their files`() {
        hold("lines of a type", House.longestType, House.longTypes, shape.typeLengths())
    }

    @Test func `nobody is handed the whole worker`() {
        hold(
            "functions that take the worker", 0, House.functionsThatTakeTheWorker,
            shape.functionsThatTakeTheWorker())
    }

    @Test func `everything that is declared is used`() {
        for finding in shape.deadDeclarations() { Issue.record("\(finding)") }
    }

    @Test func `what the manifest lets a room import, it imports`() {
        #expect(shape.unusedDependencies() == [])
    }

    @Test func `a name is one type`() {
        #expect(Set(shape.namesUsedTwice()) == House.namesUsedTwice)
    }

    @Test func `every room is tested`() {
        for (room, percent) in shape.testedness() {
            let least = House.littleTested[room] ?? House.leastTested
            #expect(percent >= least, "\(room)")
        }
        let met = shape.testedness().filter {
            House.littleTested[$0.room] != nil && $0.percent >= House.leastTested
        }
        #expect(met.map(\.room) == [], "take them off the list")
    }
}

/// The measures tried on small trees.
@Suite struct ShapeRulesTests {
    private static func shape(_ files: [String: String], manifest: String = "") -> ShapeRules {
        ShapeRules(
            SourceTree(
                files: files.sorted { $0.key < $1.key }.map { SourceFile(path: $0.key, $0.value) },
                map: "", manifest: manifest))
    }

    @Test func `a circle is of families, by way of others`() {
        let shape = Self.shape([
            "Sources/Ground/A/One.swift": "struct One { var two: Two }",
            "Sources/Ground/A/One+More.swift": "extension One { var four: Four { Four() } }",
            "Sources/Ground/A/Two.swift": "struct Two { func three() -> Three {} }",
            "Sources/Ground/A/Three.swift": "enum Three { case one(One) } // Four",
            "Sources/Ground/A/Four.swift": "struct Four {}",
            "Sources/Ground/B/Five.swift": "struct Five { let one: One }",
        ])
        #expect(shape.circles().map(\.key) == ["A", "B"])
        #expect(shape.circles().map(\.size) == [3, 1])
        #expect(shape.circles(in: "A").first.map(Set.init) == ["One", "Two", "Three"])
    }

    @Test func `stored properties are what instances hold`() {
        let shape = Self.shape([
            "Sources/Ground/A/A.swift": """
            struct A {
                static let zero = 0
                let a: Int
                private(set) var b = { 1 }()
                var c: [String: (Int, Int)]
                var d: Int { a }
                var e: Int = 0 {
                    didSet { print(e) }
                }
                var f: Int
                func g() { let h = 1 }
                struct Inner { let i: Int }
            }
            extension A { var j: Int { 1 } }
            """
        ])
        #expect(shape.storedProperties().map(\.key) == ["A.A", "A.Inner"])
        #expect(shape.storedProperties().map(\.size) == [5, 1])
    }

    @Test func `a type is as long as all of its declarations`() {
        let shape = Self.shape([
            "Sources/Ground/A/A.swift": "struct A {\n    enum B {\n    }\n}\n",
            "Sources/Ground/A/A+B.swift": "extension A {\n}\nfunc free() {}\n",
        ])
        #expect(shape.typeLengths().map(\.key) == ["A.A"])
        #expect(shape.typeLengths().map(\.size) == [6])
    }

    @Test func `functions are counted that take the worker`() {
        let shape = Self.shape([
            "Sources/Drivers/P/A.swift": """
            struct A {
                init(in worker: Worker) {}
                func a(_ b: Int, in worker: Worker) -> Int { 1 }
                func c(_ worker: String) { let other: Worker? = nil }
                var d: Worker?
            }
            """,
            "Sources/Drivers/P/Worker.swift": "extension A { func e(_ worker: Worker) {} }",
        ])
        #expect(shape.functionsThatTakeTheWorker().map(\.size) == [2])
    }

    @Test func `a declaration that nobody names is dead`() {
        let shape = Self.shape([
            "Sources/Ground/A/A.swift": """
            struct A {
                let used = 1, alone = 2
                private func own() {}
                func called() { called() }
                // dead
                func dead() {}
            }
            """,
            "Sources/Ground/B/B.swift": "let b = A().used + own\nlet c = b + c",
        ])
        #expect(
            shape.deadDeclarations().map(\.message)
                == ["own", "dead"].map {
                    "nobody uses `\($0)`"
                })
    }

    @Test func `a dependency is used where a file imports it`() {
        let manifest = """
            room("A", "Ground"),
            room("B", "Protocols", ["A"]),
            room(
                "C", "Drivers",
                [
                    "A", "B",
                ]),
            """
        #expect(
            ShapeRules.dependencies(in: manifest) == ["A": [], "B": ["A"], "C": ["A", "B"]])
        let shape = Self.shape(
            [
                "Sources/Ground/A/A.swift": "", "Sources/Protocols/B/B.swift": "import A",
                "Sources/Drivers/C/C.swift": "internal import B // import A",
            ], manifest: manifest)
        #expect(shape.unusedDependencies() == ["C A"])
    }

    @Test func `a name that two rooms have is one too many`() {
        let shape = Self.shape([
            "Sources/Ground/A/A.swift": "struct A { struct Same {} }\nenum Both {}",
            "Sources/Ground/B/B.swift": "struct Same {}\nclass Both {}",
        ])
        #expect(shape.namesUsedTwice() == ["Both"])
    }

    @Test func `tests are counted by room`() {
        let shape = Self.shape([
            "Sources/Ground/A/A.swift": "1\n2\n3\n4",
            "Tests/Ground/ATests/ATests.swift": "1\n2", "Tests/Support/A/A.swift": "1",
        ])
        #expect(shape.testedness().map(\.percent) == [50])
    }
}
