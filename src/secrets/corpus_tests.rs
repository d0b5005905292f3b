//! A corpus made at run time: values in the places where images hold them, and texts that only look like it.

use super::engine::Scanner;
use super::examples::{self, Example};
use crate::model::{Grade, Nature};

/// Where secrets stand that only their context shows. `@` is the value, `~` stands for a brace.
const PLACES: &[&str] = &[
    "# app/.env\nDB_PASSWORD=@\n",
    "# app/.env.production\nAPI_TOKEN=\"@\"\n",
    "# app/application.properties\nspring.datasource.password=@\n",
    "# app/application.yml\nspring:\n  datasource:\n    password: @\n",
    "# etc/app/config.yaml\nauth:\n  client_secret: '@'\n",
    "# app/config.json\n~\"smtp\": ~\"user\": \"a\", \"password\": \"@\"^^\n",
    "# app/appsettings.json\n~\"ApiKey\": \"@\"^\n",
    "# app/settings.py\nEMAIL_HOST_PASSWORD = '@'\n",
    "# app/main.py\nclient = Client(user=\"svc\", password=\"@\")\n",
    "# app/main.py\nos.environ[\"SERVICE_TOKEN\"] = \"@\"\n",
    "# app/main.py\ntoken: str = \"@\"\n",
    "# app/main.py\nsecret = os.getenv(\"APP_SECRET_VALUE\", \"@\")\n",
    "# app/index.js\nconst apiKey = '@';\n",
    "# app/index.ts\nexport const config = ~\n  accessToken: \"@\",\n^;\n",
    "# app/index.ts\nconst dbPassword = process.env.DB_PASSWORD || '@';\n",
    "# app/main.go\nconst apiToken string = \"@\"\n",
    "# app/main.go\n\tcfg.Password = \"@\"\n",
    "# app/main.go\n\tpassword := \"@\"\n",
    "# app/Db.java\n  private static final String DB_PASSWORD = \"@\";\n",
    "# app/Db.java\n  dataSource.setPassword(\"@\");\n",
    "# app/Db.java\n  props.put(\"password\", \"@\");\n",
    "# app/db.rb\n  password: '@',\n",
    "# app/db.rb\nENV['API_TOKEN'] ||= '@'\n",
    "# app/config.php\ndefine('DB_PASSWORD', '@');\n",
    "# app/config.php\n  'password' => '@',\n",
    "# app/Program.cs\n  var clientSecret = \"@\";\n",
    "# app/web.config\n<add key=\"ApiPassword\" value=\"@\" />\n",
    "# app/context.xml\n<property name=\"password\" value=\"@\"/>\n",
    "# app/server.xml\n<Connector keystorePass=\"@\" port=\"8443\"/>\n",
    "# root/.m2/settings.xml\n<server><id>a</id><password>@</password></server>\n",
    "# app/main.rs\nlet api_token: &str = \"@\";\n",
    "# app/main.tf\n  master_password = \"@\"\n",
    "# app/prod.tfvars\ndb_password = \"@\"\n",
    "# app/variables.tf\nvariable \"db_password\" ~\n  default = \"@\"\n^\n",
    "# app/terraform.tfstate\n          \"password\": \"@\",\n",
    "# app/deploy.sh\nexport DEPLOY_TOKEN=@\n",
    "# app/deploy.sh\nPGPASSWORD='@' psql -h db -U app\n",
    "# app/deploy.sh\ncurl -u robot:@ https://repo.internal/file\n",
    "# app/deploy.sh\ncurl -H \"Authorization: Bearer @\" https://api.internal/x\n",
    "# app/deploy.sh\nsshpass -p '@' ssh root@10.0.0.4\n",
    "# app/deploy.sh\nmysql -uroot -p@ app < dump.sql\n",
    "# app/deploy.sh\ndocker login -u robot -p @ registry.internal\n",
    "# app/deploy.sh\ntool --api-token @ run\n",
    "# root/.bash_history\nexport AWS_SESSION_SECRET=@\n",
    "# app/Dockerfile\nENV DB_PASSWORD=@\n",
    "# app/Dockerfile\nARG NPM_AUTH_TOKEN=@\n",
    "# app/docker-compose.yml\n    environment:\n      - MYSQL_ROOT_PASSWORD=@\n",
    "# app/docker-compose.yml\n    environment:\n      REDIS_PASSWORD: \"@\"\n",
    "# app/deploy.yaml\n        env:\n        - name: DB_PASSWORD\n          value: \"@\"\n",
    "# app/task.json\n~\"name\": \"DB_PASSWORD\", \"value\": \"@\"^\n",
    "# app/.gitlab-ci.yml\nvariables:\n  DEPLOY_PASSWORD: \"@\"\n",
    "# app/inventory.ini\nweb1 ansible_user=root ansible_password=@\n",
    "# app/group_vars/all.yml\nansible_become_pass: @\n",
    "# root/.netrc\nmachine a.internal login robot password @\n",
    "# root/.pypirc\n[pypi]\nusername = robot\npassword = @\n",
    "# root/.my.cnf\n[client]\nuser=root\npassword=@\n",
    "# root/.pgpass\ndb.internal:5432:app:app:@\n",
    "# root/.git-credentials\nhttps://robot:@@git.internal\n",
    "# etc/pip.conf\nindex-url = https://robot:@@pypi.internal/simple\n",
    "# app/notes.txt\nDATABASE_URL=postgres://app:@@db.internal:5432/app\n",
    "# app/app.config\nconnectionString=\"Server=sql1;User ID=sa;Password=@;\"\n",
    "# app/init.sql\nCREATE USER 'app'@'%' IDENTIFIED BY '@';\n",
    "# app/build.gradle\n        password = \"@\"\n",
    "# root/.gradle/gradle.properties\nsigningPassword=@\n",
    "# etc/redis/redis.conf\nrequirepass @\n",
    "# app/setup.sh\necho 'root:@' | chpasswd\n",
    "# app/setup.ps1\n$password = ConvertTo-SecureString \"@\" -AsPlainText -Force\n",
    "# app/setup.ps1\n$env:API_SECRET = \"@\"\n",
    "# app/setup.bat\nset DB_PASSWORD=@\n",
    "# app/config.toml\n[auth]\ntoken = \"@\"\n",
    "# app/log4j.properties\nmail.smtp.password = @\n",
    "# app/client.lua\nlocal api_token = \"@\"\n",
    "# app/Main.kt\nval apiToken = \"@\"\n",
    "# app/Main.scala\nval dbPassword: String = \"@\"\n",
    "# app/Main.swift\nlet clientSecret = \"@\"\n",
    "# app/main.c\nstatic const char *db_password = \"@\";\n",
    "# app/main.cpp\nstd::string password = \"@\";\n",
    "# app/config.exs\n  secret_key_base: \"@\",\n",
];

/// Values as machines make them and as people choose them.
const VALUES: &[&str] = &[
    "{b62 16}",
    "{b62 20}",
    "{b62 32}",
    "{hex 32}",
    "{an 24}",
    "{b62 40}",
    "{b62 12}",
    "{hex 40}",
    "{b64u 28}",
    "{an 16}",
    "Walnut{digit 3}!Kx",
    "{b62 5}#{b62 6}",
    "kestrel{digit 4}{b62 3}",
    "Gr4nite-{b62 4}-{digit 2}",
    "{hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}",
];

/// Texts without a secret, of the kinds that have names and forms of secrets.
const BENIGN: &[&str] = &[
    "# app/.env\nDB_PASSWORD=\nAPI_TOKEN=\n",
    "# app/.env\nDB_PASSWORD=${DB_PASSWORD}\n",
    "# app/.env.example\nAPI_KEY=your-api-key-here\n",
    "# app/.env\nSECRET_FILE=/run/secrets/{b62 12}\n",
    "# app/.env\nDB_PASSWORD=<password>\n",
    "# app/.env\nTOKEN_URL=https://login.internal/oauth2/{hex 8}/token\n",
    "# app/.env\nPASSWORD_MIN_LENGTH=12\n",
    "# app/.env\nAPP_KEY_ID={b62 16}\n",
    "# app/main.py\npassword = get_password(user1)\n",
    "# app/main.py\ndef login(user: str, password: str = None):\n",
    "# app/main.py\nself.token = token2\n",
    "# app/main.py\ntoken = request.headers['X-Auth-Token1']\n",
    "# app/main.py\nassert password == 'kR7vQ2mZx'\n",
    "# app/main.py\npassword = getpass.getpass('Password1: ')\n",
    "# app/main.py\nPASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']\n",
    "# app/main.py\nsecret = hashlib.sha256(data1).hexdigest()\n",
    "# app/main.py\nprint(f\"token: {open}token1{close}\")\n",
    "# app/main.py\nparser.add_argument('--password', help='Password for user1')\n",
    "# app/index.js\nconst token = jwt.sign(payload1, process.env.JWT_SECRET);\n",
    "# app/index.js\nif (token === 'undefined1') return;\n",
    "# app/index.js\nconst passwordField = document.getElementById('password1');\n",
    "# app/index.js\n  keyCode: 'ArrowUp', key: 'KeyA1',\n",
    "# app/index.ts\ninterface A ~ password: string; token?: string; ^\n",
    "# app/index.ts\nimport ~ Token1 ^ from './token1';\n",
    "# app/index.html\n<input type=\"password\" name=\"password\" placeholder=\"Password123\">\n",
    "# app/index.html\n<label for=\"password\">Enter Password 1</label>\n",
    "# app/messages.properties\nlogin.password=Enter your password\nerror.token=Token {open}0{close} is not valid\n",
    "# app/i18n.json\n~\"password\": \"Passwort\", \"token_expired\": \"Token ist abgelaufen\"^\n",
    "# app/main.go\nfunc New(token string, key2 string) *Client ~\n",
    "# app/main.go\nToken: os.Getenv(\"API_TOKEN2\"),\n",
    "# app/main.go\ncase token.ADD2, token.SUB2:\n",
    "# app/Main.java\nString password = request.getParameter(\"password1\");\n",
    "# app/Main.java\nprivate static final String PASSWORD_KEY = \"user.password1\";\n",
    "# app/Main.java\nKeyStore.getInstance(\"PKCS12\");\n",
    "# app/main.c\nint key_len = 32; char *pass = argv[1];\n",
    "# app/main.rs\nlet token = tokens.next()?;\n",
    "# app/main.rs\npub struct A ~ password: String, api_key: Option<String> ^\n",
    "# app/main.tf\npassword = var.db_password2\n",
    "# app/main.tf\nsecret_id = aws_secretsmanager_secret.db1.id\n",
    "# app/main.tf\nkms_key_id = \"arn:aws:kms:eu-west-1:123456789012:key/{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}\"\n",
    "# app/deploy.sh\ncurl -u \"$USER:$PASS\" https://x\n",
    "# app/deploy.sh\nTOKEN=$(cat /var/run/token)\n",
    "# app/deploy.sh\nmysql -u root -p\"$MYSQL_ROOT_PASSWORD\"\n",
    "# app/deploy.sh\nread -s -p 'Password: ' PASSWORD\n",
    "# app/deploy.sh\ncurl -H \"Authorization: Bearer $TOKEN\" https://x\n",
    "# app/docker-compose.yml\n      POSTGRES_PASSWORD_FILE: /run/secrets/db1\n",
    "# app/docker-compose.yml\n      POSTGRES_PASSWORD: postgres\n",
    "# app/deploy.yaml\n        valueFrom:\n          secretKeyRef:\n            name: db-secret-1\n            key: password\n",
    "# app/deploy.yaml\nimagePullSecrets:\n- name: registry-key-2\n",
    "# app/deploy.yaml\nimage: app@sha256:{hex 64}\n",
    "# app/ci.yml\n  token: ${open}{open} secrets.DEPLOY_TOKEN1 {close}{close}\n",
    "# app/ci.yml\n  key: v1-deps-{open}{open} checksum \"go.sum\" {close}{close}\n",
    "# app/package-lock.json\n\"integrity\": \"sha512-{b64 86}==\",\n",
    "# app/yarn.lock\n  resolved \"https://registry.example.org/a.tgz#{hex 40}\"\n",
    "# app/go.sum\nexample.org/a v1.2.3 h1:{b64 43}=\n",
    "# app/Cargo.lock\nchecksum = \"{hex 64}\"\n",
    "# app/requirements.txt\n    --hash=sha256:{hex 64}\n",
    "# app/poetry.lock\ncontent-hash = \"{hex 64}\"\n",
    "# app/Pipfile.lock\n\"sha256:{hex 64}\",\n",
    "# app/notes.txt\ncommit {hex 40}\n",
    "# app/notes.txt\netag: \"{hex 32}\"\n",
    "# app/notes.txt\nGPG key fingerprint: {AN 40}\n",
    "# app/notes.txt\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{b64 340} user@host\n",
    "# app/notes.txt\nuuid: {hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}\n",
    "# app/a.pem\n-----BEGIN CERTIFICATE-----\nMIIDdzCC{b64 400}\n-----END CERTIFICATE-----\n",
    "# app/a.pem\n-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A{b64 300}\n-----END PUBLIC KEY-----\n",
    "# app/a.css\n.token.keyword2 ~ color: #a1b2c3; ^\n",
    "# app/a.js\nvar t=\"data:image/png;base64,{b64 300}\";\n",
    "# app/a.map\n~\"mappings\":\"AAAA;{b62 200}\"^\n",
    "# app/README.md\nSet `API_KEY=<your key>` before you start.\n",
    "# app/README.md\nhttps://user:password@example.com/path\n",
    "# app/README.md\npostgres://user:pass@localhost:5432/mydb\n",
    "# app/README.md\nThe password must have 8 characters, such as Passw0rd.\n",
    "# app/README.md\nexport GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    "# app/README.md\nAuthorization: Bearer YOUR_ACCESS_TOKEN\n",
    "# app/README.md\naws_secret_access_key = YOUR_SECRET_KEY\n",
    "# etc/passwd\nroot:x:0:0:root:/root:/bin/bash\n",
    "# etc/shadow\nroot:*:19000:0:99999:7:::\n",
    "# etc/login.defs\nPASS_MAX_DAYS 99999\nENCRYPT_METHOD SHA512\n",
    "# etc/pam.d/common\npassword requisite pam_pwquality.so retry=3\n",
    "# etc/ssh/sshd_config\nPasswordAuthentication no\nHostKey /etc/ssh/ssh_host_rsa_key\n",
    "# app/schema.sql\npassword_hash VARCHAR(255) NOT NULL,\n",
    "# app/schema.sql\nPRIMARY KEY (token_id1), KEY idx_token2 (token)\n",
    "# app/openapi.yaml\n  password:\n    type: string\n    format: password1\n",
    "# app/openapi.yaml\n  tokenUrl: https://a.internal/oauth2/token1\n",
    "# app/config.yaml\npublic_key: {b64 44}\n",
    "# app/config.yaml\nsite_key: 6L{b64u 37}x\n",
    "# app/config.yaml\ncache_key: {hex 32}\n",
    "# app/config.yaml\npassword: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
    "# app/config.yaml\npassword: ENC[AES256_GCM,data:{b64 20},type:str]\n",
    "# app/config.yaml\nsecretName: tls-secret-{an 5}\n",
    "# app/config.yaml\ntokens: 4096\nmax_tokens: 8192\n",
    "# app/config.yaml\ntoken_type: Bearer2\n",
    "# app/config.yaml\npassword_policy: min8-upper1-digit1\n",
    "# app/config.yaml\napi_version: v1beta1\n",
];

fn found(scanner: &Scanner, text: &str) -> bool {
    examples::hits(scanner, &Example::of(text))
        .iter()
        .any(|hit| hit.grade >= Grade::Contextual && hit.nature == Nature::Secret)
}

fn with_braces(text: &str) -> String {
    text.replace('~', "{open}").replace('^', "{close}")
}

#[test]
fn nineteen_of_twenty_secrets_known_by_their_context_are_found() {
    let scanner = Scanner::new();
    let mut missed = Vec::new();
    let mut count = 0;
    for place in PLACES {
        for value in VALUES {
            // An address has its own at sign behind the value.
            let text = with_braces(place).replace("@@", "\u{1}@").replace("'app'@'%'", "'app'\u{2}'%'");
            let text = if text.contains('\u{1}') {
                text.replace('\u{1}', value)
            } else {
                text.replacen("root@10", "root\u{2}10", 1).replace('@', value)
            };
            count += 1;
            if !found(&scanner, &text.replace('\u{2}', "@")) {
                missed.push(text);
            }
        }
    }
    assert!(missed.len() * 20 <= count, "{} of {count} missed:\n{}", missed.len(), missed.join(""));
}

#[test]
fn hardly_any_text_without_a_secret_is_flagged() {
    let scanner = Scanner::new();
    let flagged: Vec<&str> = BENIGN.iter().copied().filter(|text| found(&scanner, &with_braces(text))).collect();
    assert!(flagged.len() * 100 <= BENIGN.len() * 3, "{} of {}:\n{}", flagged.len(), BENIGN.len(), flagged.join(""));
}
