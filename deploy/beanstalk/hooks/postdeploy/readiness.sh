#!/usr/bin/env bash
# Runs on an Elastic Beanstalk instance after each deployment: installs a timer that publishes readiness once a minute
# as the metric NotReady, which the alarm in beanstalk.yaml watches. The load balancer and the platform check liveness.
set -euo pipefail

namespace=$(/opt/elasticbeanstalk/bin/get-config container -k environment_name)

cat >/usr/local/bin/fibstack-readiness <<'SCRIPT'
#!/usr/bin/env bash
set -euo pipefail
not_ready=1
if curl --silent --fail --max-time 10 --output /dev/null http://localhost/api/health/ready; then not_ready=0; fi
token=$(curl --silent --fail --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)
region=$(curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
    http://169.254.169.254/latest/meta-data/placement/region)
aws cloudwatch put-metric-data --region "$region" --namespace "$1" --metric-name NotReady --value "$not_ready"
SCRIPT
chmod 755 /usr/local/bin/fibstack-readiness

cat >/etc/systemd/system/fibstack-readiness.service <<UNIT
[Unit]
Description=Publishes whether fibstack is ready

[Service]
Type=oneshot
ExecStart=/usr/local/bin/fibstack-readiness $namespace
UNIT
cat >/etc/systemd/system/fibstack-readiness.timer <<'UNIT'
[Unit]
Description=Publishes once a minute whether fibstack is ready

[Timer]
OnActiveSec=10s
OnCalendar=minutely

[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable --now fibstack-readiness.timer
